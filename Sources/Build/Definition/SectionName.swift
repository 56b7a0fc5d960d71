/// The sections that may stand in a definition file; in any case.
package enum SectionName: String, Sendable, CaseIterable {
    case help, setup, files, labels, environment, pre, post, runscript, test, startscript, arguments
}

/// The sections of applications; only in lower case, unlike the others.
package enum AppSection: String, Sendable, CaseIterable {
    case install = "appinstall"
    case labels = "applabels"
    case files = "appfiles"
    case environment = "appenv"
    case test = "apptest"
    case help = "apphelp"
    case run = "apprun"
    case start = "appstart"
}
