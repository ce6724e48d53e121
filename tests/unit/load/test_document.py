"""A file before it is sent, and the form it travels in."""

from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ConfigurationError
from connector.load.document import Document, multipart, open_document

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
GOOD = {
    "pdf": PDF,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(20),
    "jpg": b"\xff\xd8\xff\xe0" + bytes(20),
    "bmp": b"BM" + bytes(20),
    "gif": b"GIF89a" + bytes(20),
}


@pytest.mark.parametrize("kind", sorted(GOOD))
@pytest.mark.parametrize("name", ["发票.PDF", "x", "page.html"])
def test_the_content_tells_the_type_and_the_name_nothing(tmp_path, kind, name):
    file = tmp_path / name
    file.write_bytes(GOOD[kind])
    document = open_document(file, max_mb=1)
    assert (document.kind, document.size) == (kind, len(GOOD[kind]))
    assert document.fits(kind)
    assert document.fits("img") == (kind != "pdf")
    assert not any(document.fits(other) for other in GOOD if other != kind)
    assert not document.fits("")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<html><body>404</body></html>", "a page (HTML or XML)"),
        (b"\xef\xbb\xbf <?xml version='1.0'?>", "a page (HTML or XML)"),
        (b"PK\x03\x04" + bytes(30), "OFD"),
        (b"\xd0\xcf\x11\xe0" + bytes(30), "Word"),
        (b"II*\x00" + bytes(30), "TIFF"),
        (b"invoice", "no document"),
        (b"%PD", "no document"),
        (b" %PDF-1.4 %%EOF", "no document"),
        (PDF[:-6], "not copied whole"),
    ],
)
def test_a_file_that_cannot_go_gets_one_sentence(tmp_path, content, words):
    file = tmp_path / "发票.pdf"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        open_document(file, max_mb=1)
    told = str(caught.value)
    assert words in told
    assert str(file) in told
    assert "othing was sent." in told
    assert len(told.splitlines()) == 1


def test_what_is_no_file_at_all(tmp_path):
    with pytest.raises(ConfigurationError, match="does not exist"):
        open_document(tmp_path / "nowhere.pdf", max_mb=1)
    with pytest.raises(ConfigurationError, match="is a folder"):
        open_document(tmp_path, max_mb=1)


def test_the_limit_is_the_settings(tmp_path):
    file = tmp_path / "big.pdf"
    file.write_bytes(PDF[:-6] + bytes(1024 * 1024 - len(PDF)) + PDF[-6:])
    assert open_document(file, max_mb=1).size == 1024 * 1024
    with file.open("ab") as end:
        end.write(b"\n")
    with pytest.raises(ConfigurationError, match=r"1\.0 MB, more than the 1 .*max_file_mb"):
        open_document(file, max_mb=1)
    assert open_document(file, max_mb=2).kind == "pdf"


@given(
    st.dictionaries(st.sampled_from(["akc190", "invoiceNo", 'a"b']), st.text(max_size=9), max_size=3),
    st.binary(max_size=300),
)
def test_a_form_is_as_long_as_it_says_and_reads_back(tmp_path_factory, texts, content):
    path = tmp_path_factory.mktemp("form") / "患者姓名.png"
    path.write_bytes(content)
    texts = {name: value.replace("\r", "").replace("\n", "") for name, value in texts.items()}
    with path.open("rb") as file:
        kind, stream = multipart(texts, "file", Document(path, "png", len(content)), file)
        assert not stream.began
        body = b"".join(stream)
    assert stream.began
    assert len(body) == stream.size
    assert "患者".encode() not in body
    parts = BytesParser().parsebytes(b"Content-Type: " + kind + b"\r\n\r\n" + body).get_payload()
    *fields, sent = parts
    assert sent.get_payload(decode=True).startswith(content.rstrip(b"\r\n")[:1])
    assert sent.get_filename() == "document.png"
    names = [one.get_param("name", header="content-disposition") for one in fields]
    assert names == [name.replace('"', "%22") for name in texts]
    for field, value in zip(fields, texts.values(), strict=True):
        assert field.get_payload(decode=True) == value.encode("utf-8", "surrogatepass")


def test_a_file_that_shrinks_breaks_the_form_off(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(GOOD["png"])
    with path.open("rb") as file:
        _, stream = multipart({}, "file", Document(path, "png", 10_000), file)
        assert len(b"".join(stream)) < stream.size
