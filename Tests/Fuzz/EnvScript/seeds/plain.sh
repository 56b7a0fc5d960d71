#!/bin/sh
# note
export P=1
A="$P x" B='q'
export A
