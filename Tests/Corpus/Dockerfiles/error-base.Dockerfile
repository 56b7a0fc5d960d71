FROM ./no-such-image.sif
