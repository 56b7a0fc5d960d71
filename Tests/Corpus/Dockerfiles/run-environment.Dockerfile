ARG given=default
ARG above=above
FROM scratch
COPY base/ /
ARG given
ARG above=own
ARG both=arg
ENV both=env later="$given $above" PATH=/bin
RUN env | sort > /env
