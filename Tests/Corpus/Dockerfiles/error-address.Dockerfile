FROM scratch
ADD git@example.com:x/y.git /
