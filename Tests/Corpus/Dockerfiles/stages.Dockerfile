ARG tag=Middle
FROM scratch AS first
COPY src/a.txt /from-first
ENV a=1
LABEL inherited=yes
FROM scratch
COPY src/b.txt /from-second
FROM first AS middle
ARG c=3
ENV b=2
COPY --from=1 /from-second /copied
COPY --from=first / /first/
FROM ${tag} AS last
ENV c=$c
COPY --from=MIDDLE /copied /again
FROM scratch AS never
COPY no-such-file /
