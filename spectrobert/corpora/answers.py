"""Answers by question-answering task."""

YES_NO = ("no", "yes")


def left_out(task: str, answer: str) -> str:
    """Reason why a task does not use a row with this answer; "" if it does."""
    is_binary = answer in YES_NO
    if task == "aqa_binary" and not is_binary:
        return "answered other than yes or no, for aqa_open"
    if task == "aqa_open" and is_binary:
        return "answered yes or no, for aqa_binary"
    return ""
