"""The classic recipe: openSMILE features and a support vector machine, scored as any run."""
