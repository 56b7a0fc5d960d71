FROM scratch AS other
COPY src/b.txt /other/
FROM scratch
COPY base/ /
RUN --mount=target=/context,source=src cat /context/a.txt > /bound; ls /context | sort > /names; touch /context/new 2>/dev/null || echo read-only > /refused
RUN --mount=target=/context,source=src,rw echo changed > /context/a.txt; cat /context/a.txt > /written
RUN --mount=from=other,source=other/b.txt,target=/stage.txt cat /stage.txt > /staged
RUN --mount=type=cache,target=/cache,id=one,mode=0750 echo kept > /cache/x; stat -c %a /cache > /cache-mode
RUN --mount=type=cache,target=/elsewhere/deep,id=one cat /elsewhere/deep/x > /cached
RUN --mount=type=tmpfs,target=/scratch touch /scratch/gone && ls /scratch > /scratch-names
RUN --network=none grep -c : /proc/self/net/dev > /net
COPY src/a.txt /still
