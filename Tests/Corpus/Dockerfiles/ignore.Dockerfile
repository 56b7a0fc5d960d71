FROM scratch
COPY . /all
COPY src/dir /dir
