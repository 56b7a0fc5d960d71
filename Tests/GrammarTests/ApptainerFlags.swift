/// The flags of Apptainer 1.4.5 as its own usage messages list them: `letter:name:kind`, `-` for no letter.
let apptainerFlags: [(command: String, flags: String)] = [
    (
        "exec",
        """
        -:add-caps:string -:allow-setuid:bool -:app:string -:apply-cgroups:string -:authfile:string
        B:bind:stringArray -:blkio-weight:int -:blkio-weight-device:strings e:cleanenv:bool -:compat:bool
        c:contain:bool C:containall:bool -:cpu-shares:int -:cpus:string -:cpuset-cpus:string
        -:cpuset-mems:string -:cwd:string -:disable-cache:bool -:dns:string -:docker-host:string
        -:docker-login:bool -:drop-caps:string -:env:stringToString -:env-file:strings f:fakeroot:bool
        -:fusemount:strings h:help:bool H:home:string -:hostname:string i:ipc:bool -:keep-privs:bool
        -:memory:string -:memory-reservation:string -:memory-swap:string -:mount:stringArray n:net:bool
        -:netns-path:string -:network:string -:network-args:strings -:no-eval:bool -:no-home:bool
        -:no-https:bool -:no-init:bool -:no-mount:strings -:no-pid:bool -:no-privs:bool -:no-umask:bool
        -:nv:bool -:nvccli:bool -:oom-kill-disable:bool o:overlay:strings -:passphrase:bool
        -:pem-path:string p:pid:bool -:pids-limit:int -:rocm:bool S:scratch:strings -:security:strings
        -:sharens:bool -:unsquash:bool u:userns:bool -:uts:bool W:workdir:string w:writable:bool
        -:writable-tmpfs:bool
        """
    ),
    (
        "run",
        """
        -:add-caps:string -:allow-setuid:bool -:app:string -:apply-cgroups:string -:authfile:string
        B:bind:stringArray -:blkio-weight:int -:blkio-weight-device:strings e:cleanenv:bool -:compat:bool
        c:contain:bool C:containall:bool -:cpu-shares:int -:cpus:string -:cpuset-cpus:string
        -:cpuset-mems:string -:cwd:string -:disable-cache:bool -:dns:string -:docker-host:string
        -:docker-login:bool -:drop-caps:string -:env:stringToString -:env-file:strings f:fakeroot:bool
        -:fusemount:strings h:help:bool H:home:string -:hostname:string i:ipc:bool -:keep-privs:bool
        -:memory:string -:memory-reservation:string -:memory-swap:string -:mount:stringArray n:net:bool
        -:netns-path:string -:network:string -:network-args:strings -:no-eval:bool -:no-home:bool
        -:no-https:bool -:no-init:bool -:no-mount:strings -:no-pid:bool -:no-privs:bool -:no-umask:bool
        -:nv:bool -:nvccli:bool -:oom-kill-disable:bool o:overlay:strings -:passphrase:bool
        -:pem-path:string p:pid:bool -:pids-limit:int -:rocm:bool -:runscript-timeout:string
        S:scratch:strings -:security:strings -:sharens:bool -:unsquash:bool u:userns:bool -:uts:bool
        W:workdir:string w:writable:bool -:writable-tmpfs:bool
        """
    ),
    (
        "shell",
        """
        -:add-caps:string -:allow-setuid:bool -:app:string -:apply-cgroups:string -:authfile:string
        B:bind:stringArray -:blkio-weight:int -:blkio-weight-device:strings e:cleanenv:bool -:compat:bool
        c:contain:bool C:containall:bool -:cpu-shares:int -:cpus:string -:cpuset-cpus:string
        -:cpuset-mems:string -:cwd:string -:disable-cache:bool -:dns:string -:docker-host:string
        -:docker-login:bool -:drop-caps:string -:env:stringToString -:env-file:strings f:fakeroot:bool
        -:fusemount:strings h:help:bool H:home:string -:hostname:string i:ipc:bool -:keep-privs:bool
        -:memory:string -:memory-reservation:string -:memory-swap:string -:mount:stringArray n:net:bool
        -:netns-path:string -:network:string -:network-args:strings -:no-eval:bool -:no-home:bool
        -:no-https:bool -:no-init:bool -:no-mount:strings -:no-pid:bool -:no-privs:bool -:no-umask:bool
        -:nv:bool -:nvccli:bool -:oom-kill-disable:bool o:overlay:strings -:passphrase:bool
        -:pem-path:string p:pid:bool -:pids-limit:int -:rocm:bool S:scratch:strings -:security:strings
        -:sharens:bool s:shell:string -:unsquash:bool u:userns:bool -:uts:bool W:workdir:string
        w:writable:bool -:writable-tmpfs:bool
        """
    ),
    (
        "test",
        """
        -:add-caps:string -:allow-setuid:bool -:app:string -:apply-cgroups:string -:authfile:string
        B:bind:stringArray -:blkio-weight:int -:blkio-weight-device:strings e:cleanenv:bool -:compat:bool
        c:contain:bool C:containall:bool -:cpu-shares:int -:cpus:string -:cpuset-cpus:string
        -:cpuset-mems:string -:cwd:string -:disable-cache:bool -:dns:string -:docker-host:string
        -:docker-login:bool -:drop-caps:string -:env:stringToString -:env-file:strings f:fakeroot:bool
        -:fusemount:strings h:help:bool H:home:string -:hostname:string i:ipc:bool -:keep-privs:bool
        -:memory:string -:memory-reservation:string -:memory-swap:string -:mount:stringArray n:net:bool
        -:netns-path:string -:network:string -:network-args:strings -:no-eval:bool -:no-home:bool
        -:no-https:bool -:no-init:bool -:no-mount:strings -:no-pid:bool -:no-privs:bool -:no-umask:bool
        -:nv:bool -:nvccli:bool -:oom-kill-disable:bool o:overlay:strings -:passphrase:bool
        -:pem-path:string p:pid:bool -:pids-limit:int -:rocm:bool S:scratch:strings -:security:strings
        -:sharens:bool -:unsquash:bool u:userns:bool -:uts:bool W:workdir:string w:writable:bool
        -:writable-tmpfs:bool
        """
    ),
    (
        "build",
        """
        -:arch:string -:arch-variant:string -:authfile:string B:bind:stringArray -:build-arg:strings
        -:build-arg-file:string -:disable-cache:bool -:docker-host:string -:docker-login:bool e:encrypt:bool
        f:fakeroot:bool -:fix-perms:bool F:force:bool h:help:bool -:json:bool -:library:string
        -:mksquashfs-args:string -:mount:stringArray -:no-cleanup:bool -:no-https:bool T:notest:bool
        -:nv:bool -:nvccli:bool -:passphrase:bool -:pem-path:string -:rocm:bool s:sandbox:bool
        -:section:strings u:update:bool -:userns:bool -:warn-unused-build-args:bool -:writable-tmpfs:bool
        """
    ),
    (
        "inspect",
        """
        -:all:bool -:app:string d:deffile:bool e:environment:bool h:help:bool H:helpfile:bool j:json:bool
        l:labels:bool -:list-apps:bool r:runscript:bool s:startscript:bool t:test:bool
        """
    ),
    (
        "run-help",
        """
        -:app:string h:help:bool
        """
    ),
    (
        "sif add",
        """
        -:alignment:int -:datatype:int -:filename:string -:groupid:uint32 h:help:bool -:link:uint32
        -:partarch:int32 -:partfs:int32 -:parttype:int32 -:sbomformat:string -:signentity:string
        -:signhash:int32
        """
    ),
    (
        "sif list",
        """
        h:help:bool
        """
    ),
    (
        "plugin",
        """
        h:help:bool
        """
    ),
    (
        "plugin compile",
        """
        h:help:bool o:out:string
        """
    ),
    (
        "plugin list",
        """
        h:help:bool
        """
    ),
    (
        "version",
        """
        h:help:bool
        """
    ),
]
