FROM scratch AS first
COPY base/ /
COPY <<passwd <<group /etc/
root:x:0:0:root:/root:/bin/sh
app:x:100:101:App:/home/app:/bin/sh
passwd
root:x:0:
app:x:101:
extra:x:102:app
group
COPY --chown=app src/a.txt /by-name
COPY --chown=app:extra src/dir /tree/
COPY --chown=55 src/a.txt /by-number
COPY --chown=1000:0 --chmod=2750 src/a.txt src/tool /both/
COPY --chmod=u=rwX,go=rX src/dir /words
USER app
WORKDIR /made/by
FROM first
COPY --from=first /by-name /tree /kept/
COPY --from=first --chown=7:8 /by-name /given
