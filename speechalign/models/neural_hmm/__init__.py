"""Neural HMMs of phones: a network scores the states, on mel features or a pretrained encoder."""
