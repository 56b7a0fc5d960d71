import TestSupport
import Testing

@testable import Shell

@Suite struct ScriptTests {
    static let names = ["A", "B", "C", "D", "E"]

    /// Scripts as builders and people write them; both shells must agree with us.
    static let scripts = [
        "A=1\nexport A\nB=$A-${A}x\nexport B C\n",
        "export A='it'\"'\"'s' B=\"a \\\"b\\\" \\$A \\\\ \\x\"\n",
        "export A=\"${A:-\"a b\"}\"\nexport B=\"${B:-\"\\$x \\\"q\\\" \\\\z\"}\"\n",
        "A=x; B=${A:+yes}; C=${D:=def}; D=\"$D$C\"; E=${A-}${Q-}\n",
        "A=; B=${A:-e}; C=${A-e}; D=${A+e}; E=${A:+e}\n",
        "A='a  b   c'; B=$A; for C in $A; do D=\"$D[$C]\"; done\n",
        "for A in 'x y' z \"$Q\" $Q \"\"; do B=\"$B<$A>\"; done\n",
        "if [ -z \"$A\" ]; then B=1; elif true; then B=2; else B=3; fi\n",
        "if test -n \"$A\" ; then B=1 ; else B=2 ; fi ; ! true ; C=$?\n",
        "[ a = b ] || A=no; [ a != b ] && B=yes; [ 3 -gt 2 ] && C=gt; [ ! -d /nonexistent ] && D=d\n",
        "case abc in a*) A=1;; *) A=2;; esac; case \"a b\" in 'a b'|x) B=1;; esac\n",
        "case x/y in */*) A=slash ;; esac; case '*' in \\*) B=star;; esac; case q in [a-p]) C=1;; [!a-p]) C=2;; esac\n",
        "A=/a/b/c.tar.gz; B=${A%/*}; C=${A##*/}; D=${A%%.*}; E=${A#*/}\n",
        "A=1; unset A B; A=${A-gone}; B=${#A}\n",
        "A=a\\\nb; B='c\\\nd'; C=\"e\\\nf\"; \\\nD=1\n",
        "# comment\nA=a#b # trailing\nB=#c\n",
        "A=~; B=~/x:~/y; C=\"~\"; D=a~; E='~'/x\n",
        "{ A=1; B=2; }; { C=3\n}\n",
        "eval 'A=1; B=\"$A 2\"'; eval C=\\$A\n",
        "export A=\"x\ny\" B='p\tq'\n",
        "PATHX=/a:/b; A=$PATHX:/c; case \":$A:\" in *:/b:*) B=has;; esac\n",
        "if [ \"${A:-}\" ]; then B=1; fi; C=$?\n",
        "false; A=$?; true && false || A=$A-x\n",
        "A='*'; B=$A; C=\"$A\"; for D in \"$A\"; do E=$D; done\n",
        "if true; then if false; then A=1; else A=2; fi; fi\n",
        "for A in 1 2 3; do case $A in 2) B=$A;; esac; done\nC=$A",
        "export A=$((1+1)) 2>/dev/null",
        "A=${B:-${C:-${D:-deep}}}; E=\"${B:-${C:-\"x y\"}}\"\n",
        "A=\"$\"; B=$; C=\"a$ b\"; D=\\$A\n",
        "echo hello  world; echo \"a  b\"; echo -n x; echo\n",
        "if [ -f /etc/passwd ] && [ -r /etc/passwd ]; then A=1; fi; [ -x /bin/sh ] && B=1; [ -e /nope ] || C=1\n",
        "for A in /bin/s[h]; do B=$A; done; for A in /nope/*.sh; do C=$A; done\n",
    ]

    @Test(arguments: scripts, ["/bin/dash", "/bin/bash"]) func agreesWithShells(_ script: String, _ shell: String)
        throws
    {
        guard let ours = RealShell.ours("HOME=/h\n" + script, watching: Self.names) else {
            #expect(script.contains("$(("), "left to a shell: \(script)")
            return
        }
        let theirs = try #require(try RealShell.run(shell, "HOME=/h\n" + script, watching: Self.names))
        #expect(ours.variables == theirs.variables)
        #expect(ours.status == theirs.status)
        #expect(ours.output == theirs.output)
        let exported = theirs.environment.filter { Self.names.contains($0.key) }
        #expect(ours.environment == exported)
    }

    /// What is outside of the grammar is never guessed.
    @Test(arguments: [
        "A=$(id)", "A=`id`", "A=$((1))", "ls", "f() { :; }", "A=(1 2)", "A+=1", "cat <<X\nX\n", "echo a > /tmp/x",
        "a | b",
        "true &", "(A=1)", "while true; do :; done", "[[ -n x ]]", "A=$'x'", "A=${B//x/y}", "A=${!B}", "A=${B:1}",
        "A=${B?x}",
        "export A={1,2}", "A=1 export B", "source x.sh", ". rel/x.sh", "echo 'a\\n'", "echo -e x", "if true; then fi",
        "case x in", "\"unterminated", "'unterminated", "A=${", "A=${B", "fi", "if true", "for in do done", "IFS=:",
        "[ a = b -a c = d ]", "[ x -eq 1 ]", "[ 08 -eq 8 ]", "export A-B=1", "unset 1", "set -e", "A=~root/x", "A=$$",
        "A=$RANDOM", "echo $UID", "trap x EXIT", "alias a=b", "A=$0", "local A=1", "A=\"${B:-'x'}\"",
        "if ! ! true; then :; fi",
        "export A=\"x\" >/dev/null", "true 2>&1", "export", "set", "A=${#B%x}", "case é in ?) A=1;; esac",
        "\\export A=1",
    ])
    func leavesToShell(_ script: String) {
        #expect(RealShell.ours(script, watching: []) == nil)
    }

    /// Growth, recursion and depth end in a refusal, not in a trap.
    @Test func boundsHostileScripts() throws {
        let doubling = "A=xxxxxxxxxxxxxxxx\n" + String(repeating: "A=$A$A$A$A\n", count: 40)
        #expect(RealShell.ours(doubling, watching: []) == nil)
        let deep = String(repeating: "if true; then ", count: 500) + ":" + String(repeating: "; fi", count: 500)
        #expect(RealShell.ours(deep, watching: []) == nil)
        let nested = "A=" + String(repeating: "${A:-", count: 500) + String(repeating: "}", count: 500)
        #expect(RealShell.ours(nested, watching: []) == nil)
        let root = try FakeRoot()
        try root.write("/self.sh", ". /self.sh\n")
        #expect(RealShell.ours(". /self.sh", watching: [], files: root.files) == nil)
        let trims = "A=" + String(repeating: "a", count: 4000) + "\n" + String(repeating: "B=${A%%*b}\n", count: 200)
        #expect(RealShell.ours(trims, watching: []) == nil)
    }
}
