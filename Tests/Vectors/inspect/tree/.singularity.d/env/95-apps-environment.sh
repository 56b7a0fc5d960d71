export NINETY=1
