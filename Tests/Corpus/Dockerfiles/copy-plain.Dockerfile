# Files, directories and links, one and several at a time.
FROM scratch
COPY base/ /
COPY src/a.txt /one
COPY src/a.txt src/tool /several/
COPY src /tree
COPY src/dir/link /followed
COPY ["src/with blank.txt", "/in json/"]
COPY src/b.txt /several
COPY src/a.txt .
WORKDIR /w
COPY src/a.txt .
COPY src/a.txt deeper/name
COPY ../../../src/a.txt /climbed
