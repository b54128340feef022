# What is installed beside the programs. They find it relative to themselves: ../share/auteur. (lib/film
# installs the manifests.)
set (share ${CMAKE_INSTALL_DATADIR}/auteur)
install (DIRECTORY templates DESTINATION ${share})
install (DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md"
         PATTERN "*.png" PATTERN "*.jpg")
install (FILES proto/messages.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install (FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

# Units and what belongs to them, with the prefix that they are installed to in place of /usr/local.
# lib/ and not CMAKE_INSTALL_LIBDIR: systemd looks in /usr/lib/systemd and /usr/local/lib/systemd.
install (CODE "
    set (from \"${CMAKE_SOURCE_DIR}/deploy/systemd\")
    function (aut_install_unit name to)
        file (READ \"\${from}/\${name}\" text)
        string (REPLACE \"/usr/local/\" \"\${CMAKE_INSTALL_PREFIX}/\" text \"\${text}\")
        get_filename_component (file \"\${to}\" NAME)
        get_filename_component (folder \"\${to}\" DIRECTORY)
        file (WRITE \"${CMAKE_BINARY_DIR}/install/\${file}\" \"\${text}\")
        file (INSTALL \"${CMAKE_BINARY_DIR}/install/\${file}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/\${folder}\")
    endfunction ()
    aut_install_unit (auteur-broker.service lib/systemd/system/auteur-broker.service)
    aut_install_unit (auteur-node.service lib/systemd/system/auteur-node.service)
    aut_install_unit (auteur-sysusers.conf lib/sysusers.d/auteur.conf)
    aut_install_unit (auteur-tmpfiles.conf lib/tmpfiles.d/auteur.conf)
    aut_install_unit (broker.conf share/auteur/systemd/broker.conf)
    aut_install_unit (node.conf share/auteur/systemd/node.conf)
")
