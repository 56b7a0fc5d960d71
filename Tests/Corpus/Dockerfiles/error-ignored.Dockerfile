FROM scratch
COPY src/a.txt /
