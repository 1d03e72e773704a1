"""HMM-GMMs of phones: the model, its folder, and the models of this family that ship."""
