"""OpenPGP around files of any format: keys, encryption of what is written, decryption of reads."""
