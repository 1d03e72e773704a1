"""CTC networks: our own, and those of torchaudio, Hugging Face and ONNX."""
