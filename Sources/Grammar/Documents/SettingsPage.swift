import Base
import Core

extension Grammar {
    /// skiff.conf(5), from the table of directives.
    func settingsPage() throws(SkiffError) -> Page {
        var page = fileFormatPage("skiff.conf", "the configuration of skiff")
        page.macro("SH", ["DESCRIPTION"])
        page.paragraphs(
            """
            skiff.conf lies in etc/skiff of the installation, in /etc/skiff for one in /usr. Every command reads it;
            --config names another. Lines are 'directive = value'; those that begin with # are comments. Names and
            values are those of apptainer.conf. A directive that is left out has its default, a list that is left out
            is empty, and a value that a directive does not take stops every command.

            Plugins have directives of their own, which 'skiff plugin inspect' and 'skiff confgen' show too.
            """)
        for section in try Settings.reference() + pluginSections() {
            page.macro("SH", [section.title.uppercased()])
            for directive in section.directives {
                page.macro("TP")
                page.raw(RoffWriter.bolded(directive.name) + " = " + RoffWriter.italic(directive.values))
                page.text(directive.comment.prefix(1).uppercased() + directive.comment.dropFirst() + ".")
                page.raw(".br")
                page.text("Default: \(directive.standard.isEmpty ? "none" : directive.standard).")
            }
        }
        page.macro("SH", ["SEE ALSO"])
        page.raw("\\fBskiff\\fR(1)")
        return Page(name: "skiff.conf.5", text: page.result)
    }

    private func pluginSections() -> [Settings.Section] {
        var sections: [Settings.Section] = []
        for directive in plugins.grammar(for: .everything).directives {
            let title = "Plugin \(directive.plugin)"
            if sections.last?.title != title { sections.append(Settings.Section(title: title)) }
            sections[sections.count - 1].directives.append(directive.reference)
        }
        return sections
    }

    /// Returns the head of a page of section 5.
    func fileFormatPage(_ name: String, _ summary: String) -> RoffWriter {
        var page = RoffWriter()
        page.macro("TH", [name.uppercased(), "5", "", "\(program.text) \(program.version)", "File Formats"])
        page.macro("SH", ["NAME"])
        page.line(name, " \\- ", summary)
        return page
    }
}
