FROM scratch AS base
COPY base/ /
ONBUILD COPY src/a.txt /trigger/
ONBUILD RUN echo ran > /trigger/ran
FROM base
RUN cat /trigger/a.txt /trigger/ran > /after
