#!/usr/bin/env perl
# Prepares the pages for mdBook.
#   dev/book.pl FOLDER [SOURCE_URL]    from the root of the repository
#
# It copies docs/ and the pages outside of docs/ that docs/SUMMARY.md lists to FOLDER, with the same paths, so that most links
# remain valid. A link to any other file leads to SOURCE_URL, or to a copy of the file if there is no SOURCE_URL. mdBook serves
# README.md as index.html, and finds pages only by SUMMARY.md in FOLDER.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);

my ($folder, $source) = @ARGV;
my $summary = 'docs/SUMMARY.md';

sub content {
    my ($file) = @_;
    open my $input, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$input>;
}

sub write_to {
    my ($file, $content) = @_;
    make_path(dirname("$folder/$file"));
    open my $output, '>', "$folder/$file" or die "$folder/$file: $!\n";
    print $output $content;
    close $output or die "$folder/$file: $!\n";
}

sub copy_file {
    my ($file) = @_;
    make_path(dirname("$folder/$file"));
    copy($file, "$folder/$file") or die "$file: $!\n";
}

# The path without `.` and `..`.
sub normal {
    my @parts;
    for (split m{/}, shift) {
        if ($_ eq '..') { pop @parts }
        elsif ($_ ne '' && $_ ne '.') { push @parts, $_ }
    }
    return join '/', @parts;
}

# The name that mdBook gives to a page.
sub page_name { shift =~ s{README\.md$}{index.md}r }

# Replaces the targets of the links and images outside of code by what the function returns for them.
sub map_links {
    my ($text, $function) = @_;
    my ($code, @lines);
    for my $line (split /^/, $text) {
        if ($line =~ /^\s*```/) { $code = !$code }
        elsif (!$code) {
            $line =~ s{(`[^`]*`)|(\]\(|\b(?:src|href|srcset)=")([^)\s"]+)}{$1 // $2 . $function->($3)}ge;
        }
        push @lines, $line;
    }
    return join '', @lines;
}

my %pages;
map_links(content($summary), sub { $pages{normal("docs/$_[0]")} = 1; $_[0] });
my @files = split /\n/, `git ls-files --cached --others --exclude-standard`;
die "git ls-files failed\n" if $?;

# Copies the files of a folder, and writes a page that lists them.
my %copied;
sub copy_folder {
    my ($path) = @_;
    return if $copied{$path}++;
    my @below = grep { m{^\Q$path\E/} && !$pages{$_} && -f } @files;
    copy_file($_) for grep { !/\.md$/ } @below;
    my @items = map { my $name = substr $_, 1 + length $path; qq(<li><a href="$name">$name</a></li>\n) } grep { !/\.md$/ } @below;
    write_to("$path/files.html", "<!DOCTYPE html>\n<meta charset=utf-8>\n<title>$path</title>\n<h1>$path</h1>\n<ul>\n@items</ul>\n");
}

# The link from a page to a file of the repository.
sub link_from {
    my ($page, $link) = @_;
    return $link if $link =~ /^(?:[a-z]+:|#)/;
    my ($path, $anchor) = $link =~ /^([^#]*)(#.*)?$/;
    $anchor //= '';
    my $target = normal(dirname($page) . "/$path");
    if (-d $target && $pages{"$target/README.md"}) { $path =~ s{/?$}{/README.md}; $target .= '/README.md' }
    return page_name($path) . $anchor if $pages{$target};
    return $link if $target =~ m{^docs/} && $target !~ /\.md$/ && -f $target;
    die "$page: no file $link\n" unless -e $target;
    return "$source/" . (-d $target ? 'tree' : 'blob') . "/HEAD/$target$anchor" if $source;
    if (-d $target) { copy_folder($target); return $path =~ s{/?$}{/files.html}r }
    copy_file($target);
    return $path;
}

for my $page (sort keys %pages) {
    write_to(page_name($page), map_links(content($page), sub { link_from($page, $_[0]) }));
}
for my $file (grep { m{^docs/} && !/\.(?:md|toml|css)$/ } @files) { copy_file($file) }
write_to('SUMMARY.md', map_links(content($summary), sub { page_name(normal("docs/$_[0]")) }));
