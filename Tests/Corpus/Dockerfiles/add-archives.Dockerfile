FROM scratch
ADD dir.tar.gz /gz/
ADD --chown=1:2 dir.tar /plain
ADD src/a.txt /added
ADD --unpack=false dir.tar /kept/
COPY dir.tar /copied.tar
ADD single.gz empty.txt /no-archive/
