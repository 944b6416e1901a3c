"""Texts on their way into a model: cleaning, vocabularies with Keras' ids, pretrained embeddings.

Needs neither Keras nor torch, but for ``vectorization``, whose result is a PyTorch module.
"""

from keras2torch.text.cleaning import clean
from keras2torch.text.embeddings import Coverage, embedding_matrix, read_vectors
from keras2torch.text.features import Standardizer, meta_features
from keras2torch.text.reading import imdb, read_table
from keras2torch.text.tokenizer import Tokenizer, pad_sequences

__all__ = [
    "Coverage",
    "Standardizer",
    "Tokenizer",
    "clean",
    "embedding_matrix",
    "imdb",
    "meta_features",
    "pad_sequences",
    "read_table",
    "read_vectors",
]
