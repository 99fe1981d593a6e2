"""A lane is one loaded model with its jobs; lanes take turns, one step each."""
