import Linux
import Shell

/// The shell texts that a builder puts below `/.singularity.d` (Docs/spec/deffile.md §8.1). They do what older runtimes
/// expect of these files, in plain POSIX shell, and stay inside the grammar of `ScriptParser`: an image built by us
/// starts without any shell of its own.
///
/// No script may leave a helper variable set: a host variable of that name would count as defined by the image.
package enum ImageScripts {
    /// An application of a multi-application image (SCIF), as far as `env/94-appsbase.sh` names its files.
    package struct App: Sendable, Equatable {
        package var name: String
        package var hasEnvironment: Bool
        package var hasRunscript: Bool
        package var hasStartscript: Bool

        package init(name: String, hasEnvironment: Bool, hasRunscript: Bool, hasStartscript: Bool) {
            self.name = name
            self.hasEnvironment = hasEnvironment
            self.hasRunscript = hasRunscript
            self.hasStartscript = hasStartscript
        }
    }

    /// `/.singularity.d/env/01-base.sh`.
    package static let base = """
        #!/bin/sh
        # First of the environment scripts. It sets nothing; the image's own settings follow in the files after it.

        """

    /// The beginning of `/.singularity.d/env/90-environment.sh`; `%environment` sections follow, each between newlines.
    package static let environmentHead = """
        #!/bin/sh
        # What the definition file gave in %environment:

        """

    /// `/.singularity.d/env/94-appsbase.sh`: where each application keeps its files. Empty without applications.
    package static func appsBase(_ apps: [App]) -> String {
        var text = ""
        for app in apps {
            let suffix = variableSuffix(app.name)
            let root = "/scif/apps/\(app.name)"
            var settings = [
                ("SCIF_APPDATA", "/scif/data/\(app.name)"), ("SCIF_APPMETA", "\(root)/scif"), ("SCIF_APPROOT", root),
                ("SCIF_APPBIN", "\(root)/bin"), ("SCIF_APPLIB", "\(root)/lib"),
            ]
            if app.hasEnvironment { settings.append(("SCIF_APPENV", "\(root)/scif/env/90-environment.sh")) }
            settings.append(("SCIF_APPLABELS", "\(root)/scif/labels.json"))
            if app.hasRunscript { settings.append(("SCIF_APPRUN", "\(root)/scif/runscript")) }
            if app.hasStartscript { settings.append(("SCIF_APPSTART", "\(root)/scif/startscript")) }
            text += "# application \(app.name)\n"
            for (name, value) in settings { text += "export \(name)_\(suffix)=\(ShellQuoting.single(value))\n" }
            text += "\n"
        }
        return text
    }

    /// `/scif/apps/NAME/scif/env/01-base.sh`: what a process started with `--app NAME` finds.
    package static func appBase(_ name: String) -> String {
        let root = "/scif/apps/\(name)"
        let settings = [
            ("SCIF_APPNAME", name), ("SCIF_APPROOT", root), ("SCIF_APPMETA", "\(root)/scif"),
            ("SCIF_DATA", "/scif/data"),
            ("SCIF_APPDATA", "/scif/data/\(name)"), ("SCIF_APPINPUT", "/scif/data/\(name)/input"),
            ("SCIF_APPOUTPUT", "/scif/data/\(name)/output"),
        ]
        return "#!/bin/sh\n" + settings.map { "export \($0)=\(ShellQuoting.single($1))\n" }.joined()
    }

    /// Returns how the variables' names end for an application: everything but letters and digits becomes `_`.
    package static func variableSuffix(_ name: String) -> String {
        String(bytes: name.utf8.map { ASCII.isAlphanumeric($0) ? $0 : 0x5F })
    }

    /// `/.singularity.d/env/95-apps.sh`: `--app NAME`, which arrives as SINGULARITY_APPNAME.
    package static let apps = """
        #!/bin/sh
        # Selects the application named by SINGULARITY_APPNAME (--app), if any.

        if [ -n "${SINGULARITY_APPNAME:-}" ]; then
            if [ ! -d "/scif/apps/${SINGULARITY_APPNAME}" ]; then
                echo "This image has no application ${SINGULARITY_APPNAME}"
                exit 1
            fi
            export SINGULARITY_APPNAME
            export SCIF_APPS="/scif/apps"
            export SCIF_APPROOT="/scif/apps/${SINGULARITY_APPNAME}"
            PATH="${SCIF_APPROOT}:${PATH:-}"
            if [ -d "${SCIF_APPROOT}/bin" ]; then
                PATH="${SCIF_APPROOT}/bin:${PATH}"
            fi
            export PATH
            if [ -d "${SCIF_APPROOT}/lib" ]; then
                export LD_LIBRARY_PATH="${SCIF_APPROOT}/lib:${LD_LIBRARY_PATH:-}"
            fi
            if [ -f "${SCIF_APPROOT}/scif/env/01-base.sh" ]; then
                . "${SCIF_APPROOT}/scif/env/01-base.sh"
            fi
            if [ -f "${SCIF_APPROOT}/scif/env/90-environment.sh" ]; then
                . "${SCIF_APPROOT}/scif/env/90-environment.sh"
            fi
        fi

        """

    /// `/.singularity.d/env/99-base.sh`. Runtimes apply `--env` right after this file.
    package static let finalBase = """
        #!/bin/sh
        # Libraries that the host lends (GPU drivers) lie in /.singularity.d/libs and are searched last.

        export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/.singularity.d/libs"
        export PS1="${PS1:-Apptainer> }"

        """

    /// `/.singularity.d/env/99-runtimevars.sh`: PATH as the user of the runtime asked for it.
    package static let runtimeVariables = """
        #!/bin/sh
        # PATH wishes of the command line. They arrive in SING_USER_DEFINED_* and end here.

        if [ -n "${SING_USER_DEFINED_PREPEND_PATH:-}" ]; then
            PATH="${SING_USER_DEFINED_PREPEND_PATH}:${PATH}"
        fi
        if [ -n "${SING_USER_DEFINED_APPEND_PATH:-}" ]; then
            PATH="${PATH}:${SING_USER_DEFINED_APPEND_PATH}"
        fi
        if [ -n "${SING_USER_DEFINED_PATH:-}" ]; then
            PATH="${SING_USER_DEFINED_PATH}"
        fi
        unset SING_USER_DEFINED_PREPEND_PATH SING_USER_DEFINED_APPEND_PATH SING_USER_DEFINED_PATH
        export PATH

        """

    /// `/.singularity.d/runscript` of an image whose definition gives none.
    package static let defaultRunscript = "#!/bin/sh\necho \"There is no runscript defined for this container\"\n"

    /// The same for an image that starts from nothing or from packages, and the default startscript: it does nothing.
    package static let emptyScript = "#!/bin/sh\n"

    /// Returns `/.singularity.d/actions/NAME` for `exec`, `run`, `shell`, `start` and `test`, for inspection and for
    /// runtimes that execute these files. Ours and Apptainer's do not. Nil for another name.
    package static func action(_ name: String) -> String? {
        guard let last = actionEndings[name] else { return nil }
        return """
            #!/bin/sh
            # Sets the environment of the image, then does what `\(name)` asks for.

            for script in /.singularity.d/env/*.sh; do
                [ ! -f "$script" ] || . "$script"
            done
            unset script

            """ + last
    }

    private static let actionEndings = [
        "exec": "exec \"$@\"\n",
        "run": appDispatch("runscript", complaint: "has no runscript") + """
            if [ -x /.singularity.d/runscript ]; then
                exec /.singularity.d/runscript "$@"
            fi
            echo "This image has no runscript; starting /bin/sh"
            exec /bin/sh "$@"

            """,
        "test": appDispatch("test", complaint: "has no test") + """
            if [ -x /.singularity.d/test ]; then
                exec /.singularity.d/test "$@"
            fi
            echo "This image has no test"

            """,
        "start": """
        if [ -x /.singularity.d/startscript ]; then
            exec /.singularity.d/startscript "$@"
        fi

        """,
        "shell": """
        if [ -n "${SINGULARITY_SHELL:-}" ] && [ -x "$SINGULARITY_SHELL" ]; then
            exec "$SINGULARITY_SHELL" "$@"
        elif [ -x /bin/bash ]; then
            export SHELL=/bin/bash
            exec /bin/bash --norc "$@"
        elif [ -x /bin/sh ]; then
            export SHELL=/bin/sh
            exec /bin/sh "$@"
        fi
        echo "This image has neither /bin/bash nor /bin/sh" >&2
        exit 1

        """,
    ]

    private static func appDispatch(_ file: String, complaint: String) -> String {
        """
        if [ -n "${SINGULARITY_APPNAME:-}" ]; then
            if [ -x "/scif/apps/$SINGULARITY_APPNAME/scif/\(file)" ]; then
                exec "/scif/apps/$SINGULARITY_APPNAME/scif/\(file)" "$@"
            fi
            echo "The application $SINGULARITY_APPNAME \(complaint)"
            exit 1
        fi

        """
    }
}
