FROM scratch
COPY base/ /
RUN echo 'app:x:100:101:App:/home/app:/bin/sh' >> /etc/passwd; echo 'extra:x:102:app' >> /etc/group; chmod 1777 /tmp
USER app
RUN id -u > /tmp/uid; id -g > /tmp/gid; id -G > /tmp/groups; echo $HOME > /tmp/home
USER 7:extra
RUN id -u > /tmp/uid2; id -g > /tmp/gid2; echo $HOME > /tmp/home2
USER root
RUN id -u > /tmp/uid3; touch /tmp/mine; busybox chown app:extra /tmp/mine; chmod 4711 /tmp/mine
