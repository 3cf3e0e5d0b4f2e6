"""Float network to int8 .tflite, and reading a .tflite back."""
