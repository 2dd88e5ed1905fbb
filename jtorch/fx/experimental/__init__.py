"""What libraries ask of a compiler that may be looking on."""
