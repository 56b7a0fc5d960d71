FROM scratch
COPY base/ /
COPY --chown=nobody-here src/a.txt /
