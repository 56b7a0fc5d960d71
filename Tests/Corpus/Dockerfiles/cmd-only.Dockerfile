FROM scratch
COPY base/ /
CMD echo a; echo b
