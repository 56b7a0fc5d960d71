FROM ./base.sif
COPY src/a.txt /new
RUN cat /etc/issue > /old
ENV ADDED=1
LABEL added=yes
