import Core

/// Commands about image files: Docs/spec/cli.md §4, §6, §8.
extension Table {
    static var build: Command {
        var command = Command(
            "build", summary: "Build an image",
            usage: "build [local options...] <IMAGE PATH> <BUILD SPEC>",
            description: """
                IMAGE PATH is the file to make, or with --sandbox the directory. It appears
                whole or not at all.

                BUILD SPEC is one of

                definition file     a recipe: how the image starts and what makes it
                Dockerfile          a recipe in Docker's language: begins with FROM or ARG
                directory/          a sandbox that becomes an image
                *.sif               an image to be converted
                """)
        command.examples = """
            $ @ build debian.sif debian.def
            $ @ build --sandbox debian/ debian.sif
            $ @ build debian.sif debian/
            $ @ build --build-arg VERSION=2 app.sif Dockerfile
            """
        command.arguments = .exactly(2)
        command.completes = .files
        command.flags = [
            Flag(.sandbox, short: "s", help: "make a directory instead of an image file", environment: "SANDBOX"),
            Flag(.force, short: "F", help: "replace what is at IMAGE PATH", environment: "FORCE"),
            Flag(
                .update, short: "u", help: "carry out a definition in the sandbox that is there, without its header",
                environment: "UPDATE"),
            Flag(.data, help: "make a SIF of data from a squashfs file", environment: "DATA"),
            Flag(.json, help: "accepted for old scripts; without effect", environment: "JSON"),
            Flag(
                .fixPerms, help: "let the owner read and write everything that comes from layers",
                environment: "FIXPERMS"),
            Flag(
                .arch, help: "the architecture to build for", environment: "BUILD_ARCH",
                defaultText: SIFArchitecture.host.name),
            Flag(
                .archVariant, help: "the variant of the architecture", environment: "BUILD_ARCH_VARIANT"),
            Flag(
                .bind, short: "B",
                help: "show a path of the host to %post and %test: src[:dest[:opts]]", environment: "BIND BINDPATH",
                addsEnvironment: true, completes: .files),
            Flag(
                .mount, help: "the same in the long form, e.g. 'type=bind,source=/opt,destination=/hostopt'",
                environment: "MOUNT", addsEnvironment: true),
            Flag(
                .reproducible, help: "take the time of the source image for the time of the build",
                environment: "REPRODUCIBLE"),
            Flag(.userns, help: "build without a setuid program, as always", environment: "USERNS"),
            Flag(
                .section,
                help: "carry out only these sections (setup, post, files, environment, test, labels, none)",
                environment: "SECTION", defaultText: "all"),
            Flag(.notest, short: "T", help: "do not run the %test section", environment: "NOTEST"),
            Flag(
                .buildArg, help: "set a build variable, NAME=VALUE: {{ NAME }}, or ARG"),
            Flag(
                .buildArgFile, help: "a file of build variables, NAME=VALUE on each line",
                completes: .files),
            Flag(
                .buildContext,
                help: "where COPY and ADD of a Dockerfile take files from [the directory of the Dockerfile]",
                completes: .directories),
            Flag(.target, help: "the stage of a Dockerfile to build [the last one]"),
            Flag(.warnUnusedBuildArgs, help: "only warn about build variables that no stage uses"),
            Flag(.noCache, help: "run every step anew, and keep the results in place of old ones"),
            Flag(.explainCache, help: "say for each step why it runs, or that its kept result is used"),
            Flag(.noCleanup, help: "keep the temporary files of a build that failed", environment: "NO_CLEANUP"),
            Flag(
                .compression,
                help: "how squashfs blocks are compressed: zstd, gzip, lz4 or xz, and how hard, as in zstd:9",
                defaultText: "zstd", choices: "zstd gzip lz4 xz", allowsOtherValues: true),
            Flag(.encrypt, short: "e", help: "encrypt the image; the flags of keys say with what, and imply it"),
            Flag(
                .encryption, help: "how the image is encrypted, which implies that it is: luks2 or gocryptfs [luks2]",
                choices: "luks2 gocryptfs"),
            Flag(
                .mksquashfsArgs,
                help: "options of mksquashfs that say how to compress, e.g. '-comp zstd -Xcompression-level 9'",
                environment: "MKSQUASHFS_ARGS"),
            Flag(
                .fakeroot, short: "f", help: "build as root of a user namespace, as ordinary users always do",
                environment: "FAKEROOT"),
            Flag(
                .tmpdir, help: "the directory for temporary files", environment: "TMPDIR",
                completes: .directories, hidden: true),
        ]
        command.flags += [buildLibraryFlag] + keyFlags + cacheFlags + registryFlags
        command.flags += rootLadderFlags
        command.flags.append(
            Flag(
                .ignoreProot, help: "accepted for scripts: skiff needs no proot", environment: "IGNORE_PROOT",
                hidden: true))
        return command
    }

    private static var buildLibraryFlag: Flag {
        Flag(.library, help: "the URL of the library to use", environment: "LIBRARY")
    }

    /// Flags that leave out ways to become root.
    static var rootLadderFlags: [Flag] {
        [
            Flag(
                .ignoreSubuid, help: "do not use the id ranges of /etc/subuid", environment: "IGNORE_SUBUID",
                hidden: true),
            Flag(
                .ignoreFakerootCommand, help: "do not emulate root: owners are forgotten",
                environment: "IGNORE_FAKEROOT_COMMAND", hidden: true),
            Flag(
                .ignoreUserns, help: "do not use a user namespace for root", environment: "IGNORE_USERNS",
                hidden: true),
        ]
    }

    static var inspect: Command {
        var command = Command(
            "inspect", summary: "Show what an image says about itself",
            usage: "inspect [inspect options...] <image path>",
            description: """
                Shows labels, scripts, environment and the definition file that the image
                carries. Without a selection the labels are shown.
                """)
        command.examples = """
            $ @ inspect debian.sif
            $ @ inspect --json --labels debian.sif
            $ @ inspect --app greet hello.sif
            """
        command.arguments = .exactly(1)
        command.completes = .files
        command.flags = [
            Flag(.all, help: "show everything, as JSON"),
            Flag(.app, help: "show one application of the image"),
            Flag(.deffile, short: "d", help: "show the definition file"),
            Flag(.environment, short: "e", help: "show the scripts that set variables"),
            Flag(.helpfile, short: "H", help: "show the help text"),
            Flag(.json, short: "j", help: "print JSON"),
            Flag(.labels, short: "l", help: "show the labels (the default)"),
            Flag(.listApps, help: "list the applications of the image"),
            Flag(.runscript, short: "r", help: "show the runscript"),
            Flag(.startscript, short: "s", help: "show the startscript"),
            Flag(.test, short: "t", help: "show the test script"),
        ]
        return command
    }

    static var runHelp: Command {
        var command = Command(
            "run-help", summary: "Show the help text of an image", usage: "run-help <image path>",
            description: "Prints the text of the %help section, or of %apphelp with --app.")
        command.examples = """
            $ @ run-help hello.sif
            $ @ run-help --app greet hello.sif
            """
        command.arguments = .exactly(1)
        command.completes = .files
        command.flags = [Flag(.app, help: "show the help of this application")]
        return command
    }

    static var sif: Command {
        var command = Command(
            "sif", summary: "Look into SIF files and change them", usage: "sif",
            description: """
                Shows the header and the objects of a file in the Singularity Image Format,
                takes objects out, adds and deletes them.
                """)
        command.verbs = ["add", "del", "dump", "header", "info", "list", "new", "setprim"]
        command.takesVerbs = true
        command.examples = """
            $ @ help sif list
            $ @ sif list --help
            """
        return command
    }

    static func sifVerb(_ path: String) -> Command? {
        let command: Command
        switch path {
        case "sif add":
            var add = sifVerb(
                "add", "Add an object", "<sif_path> <object_path>", 2, "image.sif recipe.def --datatype 1")
            add.usage += " [flags]"
            add.flags = sifAddFlags
            command = add
        case "sif del": command = sifVerb("del", "Delete an object", "<id> <sif_path>", 2, "1 image.sif")
        case "sif dump": command = sifVerb("dump", "Print the bytes of an object", "<id> <sif_path>", 2, "1 image.sif")
        case "sif header": command = sifVerb("header", "Show the header", "<sif_path>", 1, "image.sif")
        case "sif info": command = sifVerb("info", "Show an object's descriptor", "<id> <sif_path>", 2, "1 image.sif")
        case "sif list": command = sifVerb("list", "List the objects", "<sif_path>", 1, "image.sif")
        case "sif new": command = sifVerb("new", "Make an empty SIF file", "<sif_path>", 1, "image.sif")
        case "sif setprim":
            command = sifVerb("setprim", "Choose the primary system partition", "<id> <sif_path>", 2, "1 image.sif")
        default: return nil
        }
        return command
    }

    private static func sifVerb(
        _ name: String, _ summary: String, _ arguments: String, _ count: Int, _ example: String
    ) -> Command {
        var command = Command(
            "sif " + name, summary: summary, usage: "sif \(name) \(arguments)", description: summary + " of a SIF file."
        )
        if name == "new" { command.description = "Makes a SIF file without objects." }
        command.arguments = .exactly(count)
        command.examples = "$ @ sif \(name) \(example)"
        command.isInterspersed = true
        command.completes = .files
        return command
    }

    private static var sifAddFlags: [Flag] {
        [
            Flag(
                .datatype,
                help: """
                    the type of the object [needed]:
                      1-Deffile,   2-EnvVar,        3-Labels,
                      4-Partition, 5-Signature,     6-GenericJSON,
                      7-Generic,   8-CryptoMessage, 9-SBOM,
                      10-OCI.RootIndex, 11-OCI.Blob
                    """),
            Flag(
                .parttype,
                help: """
                    the type of a partition [needed with
                    --datatype 4]:
                      1-System, 2-PrimSys, 3-Data, 4-Overlay
                    """),
            Flag(
                .partfs,
                help: """
                    the file system of a partition [needed with
                    --datatype 4]:
                      1-Squash, 2-Ext3, 3-ImmuObj, 4-Raw
                    """),
            Flag(
                .partarch,
                help: """
                    the architecture of a partition [needed with
                    --datatype 4]:
                      1-386,      2-amd64,    3-arm,
                      4-arm64,    5-ppc64,    6-ppc64le,
                      7-mips,     8-mipsle,   9-mips64,
                      10-mips64le, 11-s390x,  12-riscv64,
                      13-loong64
                    """),
            Flag(
                .signhash,
                help: """
                    the hash of a signature [needed with
                    --datatype 5]:
                      1-SHA256,      2-SHA384, 3-SHA512,
                      4-BLAKE2s_256, 5-BLAKE2b_256
                    """),
            Flag(
                .signentity,
                help: "the fingerprint of who signed, 40 hexadecimal digits [needed with --datatype 5]"),
            Flag(
                .sbomformat,
                help: """
                    the format of an SBOM [needed with --datatype 9]:
                      cyclonedx-json, cyclonedx-xml, github-json,
                      spdx-json, spdx-rdf, spdx-tag-value,
                      spdx-yaml, syft-json
                    """),
            Flag(.groupID, help: "the group of the object"),
            Flag(.link, help: "the object that this one belongs to"),
            Flag(.alignment, help: "align the object to so many bytes [4096 with --datatype 4]"),
            Flag(.filename, help: "the object's name [the name of the file]"),
        ]
    }
}
