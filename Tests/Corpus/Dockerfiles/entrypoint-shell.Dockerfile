FROM scratch
COPY base/ /
ENV WHO=world
ENTRYPOINT echo "hello $WHO"
