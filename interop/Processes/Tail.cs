using System.Text;

namespace Interop.Processes;

/// <summary>The last 64 Ki characters of a text that may have no end.</summary>
internal sealed class Tail
{
    private const int Limit = 64 * 1024;

    private readonly StringBuilder _text = new();

    public void Append(ReadOnlySpan<char> text)
    {
        lock (_text)
        {
            _text.Append(text);
            if (_text.Length > Limit)
            {
                _text.Remove(0, _text.Length - Limit);
            }
        }
    }

    public override string ToString()
    {
        lock (_text)
        {
            return _text.ToString();
        }
    }
}
