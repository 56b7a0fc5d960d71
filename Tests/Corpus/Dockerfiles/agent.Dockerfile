ARG name
FROM scratch AS want
ARG name
COPY base/ /
ENV NAME=$name
CMD echo $NAME
FROM scratch
