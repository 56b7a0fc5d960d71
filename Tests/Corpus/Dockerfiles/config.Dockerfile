FROM scratch
COPY base/ /
LABEL one=1 "two words"="2 $x" three='$x'
ENV A=a EMPTY= DOLLAR=\$HOME QUOTE='"'
ENV old style value
EXPOSE 80 8000-8001/udp
VOLUME /data /more
STOPSIGNAL SIGINT
USER 5:6
WORKDIR /somewhere
HEALTHCHECK --interval=5s CMD true
ONBUILD RUN echo
MAINTAINER somebody
ENTRYPOINT ["/bin/echo", "entry"]
CMD ["command", "two words"]
