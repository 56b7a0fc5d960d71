FROM ./base
RUN echo x > /x
CMD cat /x
