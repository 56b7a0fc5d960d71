FROM scratch
ENV NAME=value
COPY <<one /single
$NAME ${NAME:+there} don't \$NAME "quoted"
one
COPY <<"two" <<-three /several/
$NAME
two
	tab $NAME
		tabs
	three
COPY --chmod=755 <<X /script
#!/bin/sh
X
