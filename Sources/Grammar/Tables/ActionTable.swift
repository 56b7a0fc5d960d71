/// `exec`, `run`, `shell`, `test`: Docs/spec/cli.md §2.
extension Table {
    static var exec: Command {
        var command = action(
            "exec", "Run a program in a container", "exec [exec options...] <container> <command>",
            "Runs a program of the image and gives its exit status.",
            """
            $ @ exec debian.sif cat /etc/debian_version
            $ cat hello.py | @ exec debian.sif python3
            $ @ exec --bind /data:/mnt:ro debian.sif ls /mnt
            """)
        command.arguments = .atLeast(2)
        return command
    }

    static var run: Command {
        action(
            "run", "Run the default program of an image", "run [run options...] <container> [args...]",
            "Runs the runscript of the image with the arguments given.",
            """
            $ @ run hello.sif
            $ ./hello.sif first second
            $ @ run --app greet hello.sif
            """)
    }

    static var shell: Command {
        var command = action(
            "shell", "Open a shell in a container", "shell [shell options...] <container>",
            "Starts an interactive shell of the image on this terminal.",
            """
            $ @ shell debian.sif
            $ @ shell --shell /bin/zsh debian.sif
            """)
        command.flags.append(
            Flag(.shell, short: "s", help: "path of the shell in the container", environment: "SHELL"))
        return command
    }

    static var test: Command {
        action(
            "test", "Run the tests of an image", "test [exec options...] <image path>",
            "Runs the test script that the image's definition file gave it.",
            """
            $ @ test debian.sif
            """)
    }

    /// A command that starts a container.
    static func action(
        _ path: String, _ summary: String, _ usage: String, _ start: String, _ examples: String
    ) -> Command {
        var command = Command(path, summary: summary, usage: usage, description: start + "\n\n" + containerKinds)
        command.examples = examples
        command.arguments = .atLeast(1)
        command.completes = .files
        command.flags =
            mountFlags + environmentFlags + namespaceFlags + privilegeFlags + limitFlags + keyFlags + fetchFlags
            + cacheFlags + registryFlags
        return command
    }

    private static var containerKinds: String {
        """
        <container> is one of

        instance://NAME     a container that runs already (not for 'instance start')

        *.sif               an image in the Singularity Image Format (SIF)

        *.sqsh, *.img       a squashfs or ext3 file system

        directory/          a sandbox: a directory that holds a root file system

        docker://, oras://, library://, https:// and the other URIs that pull knows
        """
    }

    /// The names of flags that decide what a container is made of, and nothing for a program that enters one.
    static let ofStart = Set((mountFlags + namespaceFlags).map(\.long)).subtracting([
        // These clean the environment, too; --userns is checked, and a process 1 is no flag's matter.
        FlagKey.containall.name, FlagKey.compat.name, FlagKey.userns.name, FlagKey.noInit.name,
    ])

    private static var fetchFlags: [Flag] {
        [
            Flag(
                .pull,
                help:
                    "when to ask the network for the image of a URI: only if none is here, always what is newer, or never",
                environment: "PULL", defaultText: "newer", choices: "missing newer never")
        ]
    }

    private static var mountFlags: [Flag] {
        [
            Flag(
                .bind, short: "B",
                help:
                    "show a path of the host in the container: src[:dest[:opts]], dest being src when it is not given and "
                    + "opts 'ro' or 'rw' (the default). Several specifications may stand between commas.",
                environment: "BIND BINDPATH", addsEnvironment: true, completes: .files),
            Flag(
                .mount, help: "a mount in the long form, e.g. 'type=bind,source=/opt,destination=/hostopt'",
                environment: "MOUNT", addsEnvironment: true),
            Flag(
                .home, short: "H",
                help: "the directory to be the home: a path of the host, or src:dest to give it another place in the "
                    + "container", environment: "HOME", completes: .directories),
            Flag(
                .noHome, help: "do not mount the home directory unless it is the current directory",
                environment: "NO_HOME"),
            Flag(
                .noMount,
                help:
                    "leave out some of proc, sys, dev, devpts, home, tmp, hostfs, cwd, 'bind-paths' (all configured binds) "
                    + "or the destination of one configured bind", environment: "NO_MOUNT"),
            Flag(
                .scratch, short: "S",
                help:
                    "an empty writable directory in the container, removed at the end (kept below -W when that is given)",
                environment: "SCRATCH SCRATCHDIR"),
            Flag(
                .workdir, short: "W",
                help: "the directory that holds /tmp, /var/tmp and $HOME when -c/--contain is given",
                environment: "WORKDIR", completes: .directories),
            Flag(
                .contain, short: "c", help: "a minimal /dev and empty /tmp and $HOME instead of the host's",
                environment: "CONTAIN"),
            Flag(
                .containall, short: "C", help: "like --contain, and own processes, own IPC and a clean environment",
                environment: "CONTAINALL"),
            Flag(
                .compat,
                help: "closer to other container runtimes: implies --containall, --no-init, --no-umask, --no-eval, "
                    + "--writable-tmpfs", environment: "COMPAT"),
            Flag(.writable, short: "w", help: "open the image for writing", environment: "WRITABLE"),
            Flag(
                .underlay, help: "make missing mount points with bind mounts instead of an overlay",
                environment: "UNDERLAY"),
            Flag(
                .unsquash, help: "extract the image to a temporary sandbox and run that", environment: "UNSQUASH"),
            Flag(
                .device,
                help:
                    "hand in a device by the name that a plugin knows it by, as vendor.com/class=name of the Container Device "
                    + "Interface (CDI); 'plugin devices' lists them"),
            Flag(
                .cdiDirs, help: "the directories in which plugins look for CDI specifications", completes: .directories),
            Flag(
                .containlibs, help: "libraries of the host to bind below /.singularity.d/libs",
                environment: "CONTAINLIBS", completes: .files, hidden: true),
            Flag(
                .tmpdir, help: "the directory for temporary files", environment: "TMPDIR",
                completes: .directories, hidden: true),
        ]
    }

    private static var environmentFlags: [Flag] {
        [
            Flag(
                .app, help: "use this application of the image (SCIF)", environment: "APP APPNAME"),
            Flag(
                .cwd, help: "start in this directory of the container (--pwd means the same)",
                environment: "CWD TARGET_CWD"),
            Flag(
                .pwd, help: "start in this directory of the container", environment: "PWD TARGET_PWD",
                hidden: true),
            Flag(.cleanenv, short: "e", help: "start without the variables of the host", environment: "CLEANENV"),
            Flag(.env, help: "set variables of the contained program"),
            Flag(.envFile, help: "set variables from a file", environment: "ENV_FILE", completes: .files),
            Flag(
                .noEnv, help: "variables of the host that the container shall not see",
                environment: "NOENV"),
            Flag(
                .noEval, help: "take variables and arguments literally, without evaluation by a shell",
                environment: "NO_EVAL"),
            Flag(
                .noUmask, help: "use the umask 0022 instead of the caller's", environment: "NO_UMASK"),
            Flag(
                .explain,
                help: "print the plan of the launch, as text or as JSON, instead of carrying it out",
                impliedText: "text", choices: "text json"),
        ]
    }

    private static var namespaceFlags: [Flag] {
        [
            Flag(.pid, short: "p", help: "run in a new PID namespace", environment: "PID UNSHARE_PID"),
            Flag(
                .noPid, help: "no new PID namespace although another flag implies one", environment: "NO_PID"),
            Flag(.ipc, short: "i", help: "run in a new IPC namespace", environment: "IPC UNSHARE_IPC"),
            Flag(.net, short: "n", help: "run in a new network namespace", environment: "NET UNSHARE_NET"),
            Flag(
                .network,
                help: "the networks of that namespace, separated by commas, or none for loopback alone (bridge)",
                environment: "NETWORK"),
            Flag(
                .networkArgs,
                help:
                    "what a network is told, as portmap=8080:80/tcp or IP=10.22.0.5; NAME: in front names one of several",
                environment: "NETWORK_ARGS"),
            Flag(
                .netnsPath, help: "the network namespace of this file instead of a new one (root only)",
                environment: "NETNS_PATH"),
            Flag(.uts, help: "run in a new UTS namespace", environment: "UTS UNSHARE_UTS"),
            Flag(.userns, short: "u", help: "run in a new user namespace", environment: "USERNS UNSHARE_USERNS"),
            Flag(
                .noInit, help: "make the program itself process 1 of a new PID namespace", environment: "NOSHIMINIT"),
            Flag(
                .sharens, help: "share one container among the processes that the same parent starts",
                environment: "SHARENS"),
            Flag(.hostname, help: "the host name in the container", environment: "HOSTNAME"),
            Flag(
                .dns, help: "name servers for resolv.conf, separated by commas", environment: "DNS"),
        ]
    }

    private static var privilegeFlags: [Flag] {
        rootLadderFlags + [
            Flag(
                .fakeroot, short: "f", help: "be root in the container, in a user namespace", environment: "FAKEROOT"),
            Flag(.keepPrivs, help: "keep the capabilities of root (root only)", environment: "KEEP_PRIVS"),
            Flag(.noPrivs, help: "drop all capabilities of root", environment: "NO_PRIVS"),
            Flag(
                .addCaps, help: "capabilities to add, separated by commas", environment: "ADD_CAPS"),
            Flag(
                .dropCaps, help: "capabilities to drop, separated by commas", environment: "DROP_CAPS"),
            Flag(
                .allowSetuid, help: "honour setuid programs of the image (root only)", environment: "ALLOW_SETUID"),
            Flag(
                .security,
                help: "restrict the program: seccomp:FILE filters its system calls by a profile, apparmor:NAME and "
                    + "selinux:LABEL give it a label, uid:N and gid:N[:N] other ids (root only)",
                environment: "SECURITY"),
        ]
    }
}
