# What differs from one cluster to the next: the only file here to change.
# A variable of the environment wins, for once: SPECTROBERT_PARTITION=debug slurm/submit ser

: "${SPECTROBERT_PARTITION:=cuda}" # of nodes with V100s
: "${SPECTROBERT_ACCOUNT:=}"       # who pays; empty: your default account
: "${SPECTROBERT_SBATCH:=}"        # more words for sbatch, as --qos=long --constraint=v100
: "${SPECTROBERT_MODULES:=}"       # what `module load` takes, as python/3.11
: "${SPECTROBERT_VENV:=.venv}"     # where `make setup` has put the packages
: "${SPECTROBERT_DATA:=data}"      # corpora, as <here>/ravdess; every node sees it
: "${SPECTROBERT_RUNS:=runs}"      # where runs are written; every node sees it

# The words of sbatch that this file decides, one a line.
sbatch_words() {
  printf '%s\n' "--partition=$SPECTROBERT_PARTITION"
  [ -z "$SPECTROBERT_ACCOUNT" ] || printf '%s\n' "--account=$SPECTROBERT_ACCOUNT"
  [ -z "$SPECTROBERT_SBATCH" ] || printf '%s\n' $SPECTROBERT_SBATCH
}

# BERT's weights, unless the words name a checkpoint, which has its own.
weights() {
  case " $* " in
    *" --checkpoint"* | *" init.checkpoint="*) ;;
    *) echo --initialize_weights ;;
  esac
}

# python WORDS as the step of this job, in this job's environment.
launch() {
  [ -z "$SPECTROBERT_MODULES" ] || module load $SPECTROBERT_MODULES
  . "$SPECTROBERT_VENV/bin/activate"
  export PYTHONUNBUFFERED=1
  export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK" # from SLURM 22.05 on srun wants to be told
  # in the shell's place, so that nothing ends before the step has written its state
  exec srun --kill-on-bad-exit=1 python "$@"
}
