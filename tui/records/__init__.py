"""What the mode Records knows between two frames: which records are at hand, what is looked for, where to go."""
