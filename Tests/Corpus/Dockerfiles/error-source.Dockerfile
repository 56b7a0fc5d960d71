FROM scratch
COPY src/a.txt src/missing /x/
