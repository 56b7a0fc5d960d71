export DOCK=1
