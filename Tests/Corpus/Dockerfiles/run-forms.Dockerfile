# escape=`
FROM scratch
COPY base/ /
RUN echo "a  b" > /shell && `
    # between
    echo $PATH > /path
RUN ["echo", "not kept"]
RUN ["/bin/sh", "-c", "echo \"$0 $1\" > /exec", "zero", "one"]
SHELL ["/bin/sh", "-e", "-c"]
RUN echo $- > /flags
RUN <<EOF
echo first > /heredoc
echo second >> /heredoc
EOF
RUN <<-EOF
	echo third > /stripped
	EOF
RUN cat <<A >/joined && cat <<"B" >>/joined
from a $((1 + 1))
A
from b $((1 + 1))
B
RUN <<EOF
#!/bin/cat
a script
EOF
WORKDIR /place/dir
RUN pwd > where; umask > mask; ls / > /listing
