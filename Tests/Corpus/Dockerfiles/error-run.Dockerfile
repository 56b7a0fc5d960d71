FROM scratch
COPY base/ /
RUN true && \
    exit 7
