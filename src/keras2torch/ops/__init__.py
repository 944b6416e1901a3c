"""One file per operation of ``keras.ops``: how it is written in PyTorch."""
