FROM scratch
COPY src/dir /x/
ADD climbing.tar /x/
