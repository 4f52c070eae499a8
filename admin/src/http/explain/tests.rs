//! Who may ask for explanations, and how refusals of the question itself are worded.
