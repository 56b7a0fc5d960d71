FROM scratch
ARG suffix=txt
COPY src/*.$suffix /star/
COPY src/[ab].txt /set/
COPY src/dir/*/ /below/
COPY src/nothing-here-* /nothing/
COPY src/?.txt src/dir/one.* /mixed/
COPY --exclude=*.md --exclude=deep src/dir /without/
