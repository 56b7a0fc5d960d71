/// Images on the network: pull, push and the commands that manage them; Docs/spec/cli.md §5, §7.
extension Table {
    static func networkVerb(_ path: String) -> Command? {
        switch path {
        case "pull": pull
        case "push": push
        case "delete": delete
        case "search": search
        case "tag": tag
        case "cache": cache
        case "cache list": cacheList
        case "cache clean": cacheClean
        default: nil
        }
    }

    /// How to reach a registry, and with which login; the same for all commands that use one.
    static var registryFlags: [Flag] {
        [
            Flag(
                .authfile, help: "the file with logins for registries, in Docker's form",
                environment: "AUTH_FILE", completes: .files),
            Flag(.dockerLogin, help: "ask for name and password for the registry", environment: "DOCKER_LOGIN"),
            Flag(
                .dockerUsername, help: "the name to log in to the registry with",
                environment: "DOCKER_USERNAME", hidden: true),
            Flag(
                .dockerPassword, help: "the password to log in to the registry with",
                environment: "DOCKER_PASSWORD", hidden: true),
            Flag(
                .dockerHost, help: "the address of the Docker daemon", environment: "DOCKER_HOST"),
            Flag(
                .noHTTPS, help: "speak plain http where a registry has no https", environment: "NOHTTPS NO_HTTPS",
                oldSpelling: "nohttps"),
        ]
    }

    static var cacheFlags: [Flag] {
        [Flag(.disableCache, help: "neither use nor fill the cache", environment: "DISABLE_CACHE")]
    }

    /// - Parameter prefix: the prefix of the variables.
    static func platformFlags(_ prefix: String) -> [Flag] {
        [
            Flag(
                .arch, help: "the architecture of the image, instead of this machine's",
                environment: "\(prefix)_ARCH"),
            Flag(
                .archVariant, help: "the variant of the architecture, e.g. 7 for arm",
                environment: "\(prefix)_ARCH_VARIANT"),
        ]
    }

    private static var libraryFlag: Flag {
        Flag(.library, help: "the URL of the library to use", environment: "LIBRARY")
    }

    private static var temporaryFlag: Flag {
        Flag(
            .tmpdir, help: "the directory for temporary files", environment: "TMPDIR",
            completes: .directories, hidden: true)
    }

    private static var pull: Command {
        var command = Command(
            "pull", summary: "Fetch an image", usage: "pull [pull options...] [output file] <URI>",
            description: """
                Fetches the image of a URI as a SIF file. Without an output file the
                name is made of the image's own: alpine_latest.sif.

                docker://REGISTRY/NAME:TAG    an OCI or Docker image, made a SIF here
                oras://REGISTRY/NAME:TAG      a SIF that a registry keeps
                library://ENTITY/COLLECTION/NAME:TAG   an image of a library
                shub://USER/NAME:TAG          an image of a Singularity registry
                https://HOST/PATH             an image file
                oci:DIR, oci-archive:FILE     an OCI layout, as it is or in an archive
                docker-archive:FILE           what docker save wrote
                docker-daemon:NAME:TAG        an image of the Docker daemon here
                """)
        command.examples = """
            $ @ pull docker://alpine
            $ @ pull --arch arm64 tool.sif docker://registry.example/team/tool:1.2
            $ @ pull oras://registry.example/team/tool:1.2
            """
        command.arguments = .between(1, 2)
        command.flags =
            [
                Flag(.force, short: "F", help: "replace an output file that is there", environment: "FORCE"),
                Flag(
                    .dir, help: "the directory for the output file", environment: "PULLDIR PULLFOLDER",
                    completes: .directories),
                Flag(.name, help: "the name of the output file", environment: "PULL_NAME", hidden: true),
                Flag(.sandbox, help: "unpack the image to a directory", environment: "SANDBOX"),
                Flag(
                    .platform, help: "the platform of the image, as linux/arm64/v8",
                    environment: "PULL_PLATFORM"),
                Flag(.json, help: "print what was fetched as JSON"),
                Flag(
                    .reproducible, help: "give the SIF the times of the image, so that it is the same each time",
                    environment: "REPRODUCIBLE"),
                Flag(
                    .allowUnsigned, short: "U", help: "does nothing any more: unsigned images are pulled anyway",
                    environment: "ALLOW_UNSIGNED"),
                Flag(
                    .allowUnauthenticated, help: "does nothing any more", environment: "ALLOW_UNAUTHENTICATED",
                    hidden: true),
                Flag(
                    .noCleanup, help: "keep temporary files of a pull that failed", environment: "NO_CLEANUP"),
                libraryFlag, temporaryFlag,
            ] + platformFlags("PULL") + cacheFlags + registryFlags
        return command
    }

    private static var push: Command {
        var command = Command(
            "push", summary: "Upload a SIF file", usage: "push [push options...] <image> <URI>",
            description: """
                Stores a SIF file in a registry or library.

                oras://REGISTRY/NAME:TAG               as the SIF that it is
                docker://REGISTRY/NAME:TAG             as an image that others run
                library://ENTITY/COLLECTION/NAME:TAG   in a library
                """)
        command.examples = """
            $ @ push tool.sif oras://registry.example/team/tool:1.2
            $ @ push --annotation team=a tool.sif oras://registry.example/tool:1.2
            """
        command.arguments = .exactly(2)
        command.completes = .files
        command.flags =
            [
                Flag(
                    .annotation, help: "a note on the image, as key=value; may be given several times"),
                Flag(.description, short: "D", help: "the description of the image"),
                Flag(.json, help: "print what was stored as JSON"),
                Flag(
                    .allowUnsigned, short: "U", help: "push to a library without a signature",
                    environment: "ALLOW_UNSIGNED"),
                libraryFlag, temporaryFlag,
            ] + registryFlags
        return command
    }

    private static var delete: Command {
        var command = Command(
            "delete", summary: "Delete an image from a registry or library", usage: "delete [delete options...] <URI>",
            description: "Deletes the image of an oras:// or library:// URI, with all its tags.")
        command.examples = "$ @ delete oras://registry.example/team/tool:1.2"
        command.arguments = .exactly(1)
        command.flags =
            [
                Flag(.force, short: "F", help: "do not ask", environment: "FORCE"),
                Flag(
                    .arch, short: "A", help: "the architecture of the image, instead of this machine's",
                    environment: "ARCH"),
                Flag(
                    .timeout, short: "T", help: "seconds to wait for the server", environment: "TIMEOUT",
                    defaultText: "15", hidden: true),
                libraryFlag,
            ] + registryFlags
        return command
    }

    private static var search: Command {
        var command = Command(
            "search", summary: "Search a library, or list what a registry has",
            usage: "search [search options...] <query>",
            description: """
                Searches the library in use for a text of 3 characters or more. For
                oras://REGISTRY lists the registry's repositories, for
                oras://REGISTRY/NAME the tags of one.
                """)
        command.examples = """
            $ @ search lolcow
            $ @ search oras://registry.example/team/tool
            """
        command.arguments = .exactly(1)
        command.flags =
            [
                Flag(
                    .arch, help: "only images for this architecture, instead of this machine's",
                    environment: "SEARCH_ARCH"),
                Flag(.signed, help: "only signed images", environment: "SEARCH_SIGNED"),
                libraryFlag,
            ] + registryFlags
        return command
    }

    private static var tag: Command {
        var command = Command(
            "tag", summary: "Give an image of a registry another tag", usage: "tag [tag options...] <URI> <tag>",
            description: "Adds a tag to an image that a registry has, without uploading it again.")
        command.examples = "$ @ tag oras://registry.example/team/tool:1.2 latest"
        command.arguments = .exactly(2)
        command.flags = registryFlags
        return command
    }

    private static var cache: Command {
        var command = Command(
            "cache", summary: "Manage the cache", usage: "cache",
            description: """
                Images and layers that were fetched are kept in ~/.apptainer/cache, or below
                $APPTAINER_CACHEDIR. $APPTAINER_CACHE_QUOTA limits its size: 20G.
                """)
        command.verbs = ["clean", "list"]
        command.needsVerb = true
        command.examples = """
            $ @ cache list
            $ @ help cache clean
            """
        return command
    }

    private static var typeFlag: Flag {
        Flag(
            .type, short: "T", help: "only these kinds: library, oci-tmp, shub, oras, ipfs, net, blob",
            defaultText: "all")
    }

    private static var cacheList: Command {
        var command = Command(
            "cache list", summary: "Show what the cache holds", usage: "cache list [list options...]",
            description: "Shows how much the cache holds, and with --verbose each file of it.")
        command.arguments = .exactly(0)
        command.examples = "$ @ cache list --verbose"
        command.flags = [typeFlag, Flag(.verbose, short: "v", help: "show each file")]
        return command
    }

    private static var cacheClean: Command {
        var command = Command(
            "cache clean", summary: "Empty the cache", usage: "cache clean [clean options...]",
            description: "Removes what the cache holds. What runs from it goes on running.")
        command.arguments = .exactly(0)
        command.examples = """
            $ @ cache clean --dry-run
            $ @ cache clean --force --days 30
            """
        command.flags = [
            typeFlag, Flag(.days, short: "D", help: "keep what is younger than so many days"),
            Flag(.dryRun, short: "n", help: "show what would be removed, and remove nothing"),
            Flag(.force, short: "f", help: "do not ask"),
        ]
        return command
    }
}
