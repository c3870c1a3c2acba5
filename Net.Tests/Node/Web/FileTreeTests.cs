using System.Text;
using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: `/files` shows what is below its directory, and nothing outside, whatever paths and links say.</summary>
[TestClass]
public sealed class FileTreeTests
{
    private string _base = "";
    private FileTree _tree = null!;

    [TestInitialize]
    public void MakeFiles()
    {
        _base = Directory.CreateTempSubdirectory("continuum-files-").FullName;
        Directory.CreateDirectory(Path.Combine(_base, "root", "sub"));
        Directory.CreateDirectory(Path.Combine(_base, "root-next"));
        File.WriteAllText(Path.Combine(_base, "root", "a.txt"), "inside");
        File.WriteAllText(Path.Combine(_base, "root", "ä b.txt"), "umlaut");
        File.WriteAllText(Path.Combine(_base, "root", "empty"), "");
        File.WriteAllText(Path.Combine(_base, "root", "sub", "c.json"), "{}");
        File.WriteAllText(Path.Combine(_base, "secret"), "outside");
        File.WriteAllText(Path.Combine(_base, "root-next", "secret"), "outside");
        _tree = new(Path.Combine(_base, "root"));
    }

    [TestCleanup]
    public void RemoveFiles() => Directory.Delete(_base, recursive: true);

    [TestMethod]
    [DataRow("a.txt", "inside", "text/plain; charset=utf-8")]
    [DataRow("sub/c.json", "{}", "application/json")]
    [DataRow("%61.txt", "inside", "text/plain; charset=utf-8")]
    [DataRow("%C3%A4%20b.txt", "umlaut", "text/plain; charset=utf-8")]
    [DataRow("empty", "", "application/octet-stream")]
    public void A_file_below_is_found(string path, string expected, string type)
    {
        using FileContent? file = _tree.Open(path);
        Assert.IsNotNull(file);
        byte[] bytes = new byte[file.Length];
        file.Read(0, bytes);
        Assert.AreEqual(expected, Encoding.UTF8.GetString(bytes));
        Assert.AreEqual(type, file.ContentType);
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("missing")]
    [DataRow("sub")]
    [DataRow("sub/")]
    [DataRow("../secret")]
    [DataRow("%2e%2e/secret")]
    [DataRow("sub/../../secret")]
    [DataRow("sub/../a.txt")]
    [DataRow("./a.txt")]
    [DataRow("//a.txt")]
    [DataRow("..%2fsecret")]
    [DataRow("..%5csecret")]
    [DataRow("a.txt%00")]
    [DataRow("a.txt%0")]
    [DataRow("%zz")]
    [DataRow("%ff")]
    [DataRow("../root-next/secret")]
    public void What_is_not_a_file_below_is_not_found(string path) => Assert.IsNull(_tree.Open(path));

    /// <summary>Links to a file, to a directory, through another link, and in a circle.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    public void Links_may_stay_inside_but_not_lead_out()
    {
        string root = Path.Combine(_base, "root");
        File.CreateSymbolicLink(Path.Combine(root, "in"), "sub/c.json");
        File.CreateSymbolicLink(Path.Combine(root, "out"), Path.Combine(_base, "secret"));
        File.CreateSymbolicLink(Path.Combine(root, "up"), "../secret");
        Directory.CreateSymbolicLink(Path.Combine(root, "outdir"), "..");
        Directory.CreateSymbolicLink(Path.Combine(root, "indir"), "sub");
        File.CreateSymbolicLink(Path.Combine(root, "through"), "outdir/secret");
        File.CreateSymbolicLink(Path.Combine(root, "circle"), "circle");
        File.CreateSymbolicLink(Path.Combine(root, "prefix"), "../root-next/secret");

        foreach (string inside in (string[])["in", "indir/c.json"])
        {
            using FileContent? file = _tree.Open(inside);
            Assert.IsNotNull(file, inside);
        }

        foreach (string outside in (string[])["out", "up", "outdir/secret", "outdir/root/a.txt/x", "through", "circle", "prefix", "prefix/"])
        {
            Assert.IsNull(_tree.Open(outside), outside);
        }
    }

    /// <summary>The directory itself may be reached by a link: it is its own place that counts.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    public void The_directory_may_be_a_link()
    {
        Directory.CreateSymbolicLink(Path.Combine(_base, "alias"), "root");
        FileTree tree = new(Path.Combine(_base, "alias"));
        using FileContent? file = tree.Open("a.txt");
        Assert.IsNotNull(file);
    }

    [TestMethod]
    public void A_file_that_shrinks_is_an_error_not_other_bytes()
    {
        using FileContent? file = _tree.Open("a.txt");
        File.WriteAllText(Path.Combine(_base, "root", "a.txt"), "in");
        Assert.ThrowsExactly<EndOfStreamException>(() => file!.Read(0, new byte[6]));
    }
}
