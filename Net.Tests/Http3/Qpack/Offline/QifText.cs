using System.Text;
using Net.Http3.Messages;

namespace Net.Tests.Http3.Qpack.Offline;

/// <summary>Lists of fields as text: <c>name TAB value</c> lines, an empty line between two lists, <c>#</c> before a comment.</summary>
internal static class QifText
{
    // Bytes are characters, so that every file comes back as it was.
    private static readonly Encoding s_encoding = Encoding.Latin1;

    /// <exception cref="FormatException">A line without a tab.</exception>
    public static List<FieldSection> Read(string path)
    {
        List<FieldSection> lists = [];
        FieldSection list = new();
        foreach (string line in File.ReadLines(path, s_encoding))
        {
            if (line.Length == 0)
            {
                if (list.Count > 0)
                {
                    lists.Add(list);
                    list = new();
                }
            }
            else if (line[0] != '#')
            {
                int tab = line.IndexOf('\t', StringComparison.Ordinal);
                list.Add(tab < 0 ? throw new FormatException("a line without a tab") : line[..tab], line[(tab + 1)..]);
            }
        }

        if (list.Count > 0)
        {
            lists.Add(list);
        }

        return lists;
    }

    public static void Write(Stream output, IEnumerable<FieldSection> lists)
    {
        using StreamWriter writer = new(output, s_encoding, 1 << 16, leaveOpen: true) { NewLine = "\n" };
        bool isFirst = true;
        foreach (FieldSection list in lists)
        {
            if (!isFirst)
            {
                writer.WriteLine();
            }

            isFirst = false;
            foreach (Field field in list)
            {
                writer.Write(field.Name);
                writer.Write('\t');
                writer.WriteLine(field.Value);
            }
        }
    }
}
