/// The reference of definition files, the source of `help deffile` and of the manual page skiff-deffile(5).
enum DefinitionReference {
    struct Chapter: Sendable {
        let title: String
        /// Paragraphs between empty lines.
        let text: String
    }

    static var chapters: [Chapter] {
        [form, header, sources, files, scripts, told, variables, stages, applications, example]
    }

    private static var form: Chapter {
        Chapter(
            title: "FORM",
            text: """
                A definition file is the recipe of an image: a header, which says what the image starts
                from, then sections, each begun by a line with % in the first column. An error names the
                file and the line. 'skiff build IMAGE FILE' builds it.

                Lines of the header and of %files, %labels and %arguments that begin with # are comments;
                in scripts # means what it means to the shell. A section that is there twice is one.
                """)
    }

    private static var header: Chapter {
        Chapter(
            title: "HEADER",
            text: """
                Lines 'Key: value', in which the case of the key does not matter. What follows a # is left
                out. A \\ at the end of a line continues it.

                  Bootstrap      what kind of source; see below
                  From           the source itself
                  Stage          the name of this stage
                  Fingerprints   keys, of which all must have signed the source
                  Include        packages to install besides
                  MirrorURL      where packages come from
                  OSVersion      the version of the distribution
                """)
    }

    private static var sources: Chapter {
        Chapter(
            title: "SOURCES",
            text: """
                Values of Bootstrap, with the keys that each takes:

                  docker           From: [registry/]name[:tag][@digest]; Registry, Namespace
                  oci              From: a directory, an OCI layout
                  oci-archive      From: a tar file of an OCI layout
                  docker-archive   From: what 'docker save' wrote
                  docker-daemon    From: name:tag, of the Docker daemon here
                  library, oras, shub
                                   From: an image of a library or registry; Library
                  localimage       From: a SIF, squashfs or ext3 file, or a directory
                  dockerfile       From: a directory with a Dockerfile; Filename, Target,
                                   BuildArgs
                  scratch          nothing
                  busybox          MirrorURL: the address of a static busybox
                  debootstrap      MirrorURL, OSVersion; Include
                  dnf, yum         MirrorURL; OSVersion, UpdateURL, Include, SetOpt
                  zypper           MirrorURL; OSVersion, UpdateURL, Include
                  arch             ConfURL, Include

                The last four need the program of the same name on this machine (pacstrap for arch).
                """)
    }

    private static var files: Chapter {
        Chapter(
            title: "FILES",
            text: """
                %files copies from this machine into the image, '%files from STAGE' from an earlier stage.
                Each line is 'source [destination]'; without a destination the path is the same. Directories
                on the way are made. Links are followed from this machine, and kept from a stage.

                A source may be a pattern: *, ?, [a-z], **, +(a|b). $NAME and ~ have the caller's values; a
                variable that is not set is an error. Double quotes keep blanks together.
                """)
    }

    private static var scripts: Chapter {
        Chapter(
            title: "SCRIPTS",
            text: """
                In the order in which they run:

                  %pre          on this machine, before everything
                  %setup        on this machine, once the source is unpacked; $APPTAINER_ROOTFS
                                is its place
                  %post         in the image, as root of it: where software is installed
                  %test         in the image, when it is built, and by 'skiff test'
                  %environment  read by a shell before each program of the container
                  %runscript    what 'skiff run' runs, with its arguments
                  %startscript  what an instance runs

                A script ends the build when a command of it fails. '-c PROGRAM' after the name of the section
                has PROGRAM run it; a first line with #! does so for %runscript and %test.

                A line '#@ step' in %post begins a new step: the result of each is kept, and used again until
                the text of it or something before it changes. --no-cache runs all.

                In %post, lines of shell that are added to the file $APPTAINER_ENVIRONMENT set variables of
                the container, and lines 'KEY VALUE' added to $APPTAINER_LABELS become labels.
                """)
    }

    private static var told: Chapter {
        Chapter(
            title: "TEXTS",
            text: """
                  %labels   'KEY VALUE' lines, shown by 'skiff inspect'
                  %help     shown by 'skiff run-help'
                """)
    }

    private static var variables: Chapter {
        Chapter(
            title: "BUILD VARIABLES",
            text: """
                {{ NAME }} is replaced in the header and all sections: by --build-arg NAME=value, by a line of
                the file of --build-arg-file, or by the default that a line NAME=value of %arguments gives. One
                without a value is an error, and so is a value that nothing uses.
                """)
    }

    private static var stages: Chapter {
        Chapter(
            title: "STAGES",
            text: """
                A second line 'Bootstrap:' begins the next stage, which starts anew. The last one becomes the
                image; '%files from' takes from the others what it needs.
                """)
    }

    private static var applications: Chapter {
        Chapter(
            title: "APPLICATIONS",
            text: """
                An image may hold several applications, each below /scif/apps/NAME and run by --app NAME:

                  %appinstall NAME   a part of %post, in the application's directory
                  %appfiles NAME     files, as in %files
                  %appenv NAME       its variables
                  %apprun NAME       what 'run --app NAME' runs
                  %appstart NAME, %apptest NAME, %apphelp NAME, %applabels NAME
                """)
    }

    private static var example: Chapter {
        Chapter(
            title: "EXAMPLE",
            text: """
                  Bootstrap: docker
                  From: debian:12
                  Stage: build

                  %files
                      hello.c /src/
                  %post
                      apt-get update && apt-get -y install gcc
                      #@ step
                      gcc -static -o /src/hello /src/hello.c

                  Bootstrap: scratch

                  %files from build
                      /src/hello /bin/hello
                  %runscript
                      exec /bin/hello "$@"
                  %labels
                      Maintainer me@example.org
                """)
    }
}

extension Grammar {
    /// `help deffile`.
    var definitionHelp: String {
        var text = "Definition files, the recipes of images\n"
        for chapter in DefinitionReference.chapters {
            text +=
                "\n" + chapter.title + "\n"
                + chapter.text.split(separator: "\n", omittingEmptySubsequences: false).map {
                    $0.isEmpty ? "" : "  " + $0
                }
                .joined(separator: "\n") + "\n"
        }
        return text + "\nThe manual page is skiff-deffile(5).\n"
    }

    var definitionPage: Page {
        var page = fileFormatPage("skiff-deffile", "definition files, the recipes of images")
        for chapter in DefinitionReference.chapters {
            page.macro("SH", [chapter.title])
            page.paragraphs(chapter.text)
        }
        page.macro("SH", ["SEE ALSO"])
        page.raw("\\fBskiff\\-build\\fR(1), \\fBskiff.conf\\fR(5)")
        return Page(name: "skiff-deffile.5", text: page.result)
    }
}
